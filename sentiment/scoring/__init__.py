"""Many reviews through a trained network: ONNX Runtime, a pool of processes, and Spark."""
