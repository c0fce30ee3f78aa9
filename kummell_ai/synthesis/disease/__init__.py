"""What happens to the bones: fractures, osteophytes, the course of a patient, the posture on a film."""
