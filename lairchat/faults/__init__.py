"""`make faults`: the server as it is, in real processes, while something goes wrong; and whether its promises held."""
