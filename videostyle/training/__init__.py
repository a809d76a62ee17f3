"""Training of style models, `--engine learned`, and export to ONNX."""
