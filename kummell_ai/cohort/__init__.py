"""A cohort: manifest and clinical scores in, one tidy table over all patients and its analysis out."""
