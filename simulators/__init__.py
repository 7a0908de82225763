"""Little servers that stand in for the outside world in the demonstration and in tests. Production never starts them."""
