"""Reading and writing annotated films."""
