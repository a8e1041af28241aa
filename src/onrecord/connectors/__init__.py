"""One module per outside system. They implement the ports of the rooms below; only the composition root picks one."""
