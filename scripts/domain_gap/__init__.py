"""The parts of scripts/domain_gap.py: what the arms are, how a step is run once, what the figures say."""
