"""The Prefect side and the command line: reads the graph, runs it, acts on its result."""
