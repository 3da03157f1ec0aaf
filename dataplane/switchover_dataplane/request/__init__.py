"""What every target is asked: the request's body, read once and edited for each model."""
