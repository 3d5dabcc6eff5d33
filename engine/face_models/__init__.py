"""mediapipe's face models, run by ONNX Runtime."""
