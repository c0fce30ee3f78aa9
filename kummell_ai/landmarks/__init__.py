"""The network side: heatmaps, network, decoding, levels, predictor."""
