"""kummell_ai: from lateral X-ray films to a patient's correction report.

Research use only, not a medical device.
"""

__version__ = "0.1.0"
