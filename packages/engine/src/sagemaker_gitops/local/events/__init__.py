"""EventBridge, and what it delivers to."""
