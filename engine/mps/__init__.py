"""The API 3.0 of MPS: the requests that it reads, their tasks, and the answers and callbacks that it prints."""
