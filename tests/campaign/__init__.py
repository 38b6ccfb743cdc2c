"""The campaign of faults, which you run by hand: `make campaign`."""
