"""From path lengths to a film as an archive holds it: attenuation, detector, display chain, marks."""
