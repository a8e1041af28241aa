"""The HTTP door: parses at the edge, calls one use case a route, answers in JSON."""
