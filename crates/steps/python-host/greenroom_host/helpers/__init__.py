"""The helper functions that step files find in their namespace, one module for each library."""
