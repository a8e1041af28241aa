"""A recorder and a transcriber as others would build them, and what bad ones do: a process of their own each."""
