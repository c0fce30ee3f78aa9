"""Results for people: overlays on the film, tables, and the patient's page."""
