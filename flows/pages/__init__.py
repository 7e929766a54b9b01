"""What MLflow's pages say."""
