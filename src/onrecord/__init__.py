"""OnRecord: nothing is recorded without permission; everything recorded can be proved."""
