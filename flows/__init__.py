"""The orchestration and the command line: reads the graph, runs it, changes the world by it."""
