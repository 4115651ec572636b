"""From noise to images by a trained network. Imported by evaluation."""
