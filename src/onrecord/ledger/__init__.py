"""RFC 6962 tree, C2SP notes, checkpoints and proofs, and the sequencer."""
