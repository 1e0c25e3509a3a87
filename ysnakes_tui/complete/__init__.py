"""What the Complete pane consists of."""
