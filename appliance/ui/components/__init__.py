"""What pages are made of: tiles drawn in the browser, and Bokeh figures fed there by name."""
