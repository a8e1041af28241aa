"""What a call that is played for show or for proof needs: a server to talk to, a telephone's end, claims to check."""
