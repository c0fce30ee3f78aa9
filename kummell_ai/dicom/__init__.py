"""Files to films and patient series."""
