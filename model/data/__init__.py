"""Images with labels, from wherever the config says. Reading needs only numpy; knows nothing of noise or networks."""
