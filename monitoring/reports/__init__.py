"""Reports: what is counted, how, and for whom. A file each."""
