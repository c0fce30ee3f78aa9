"""What surgery leaves: screws, rods, cement, cages, and where they lie in a posed spine."""
