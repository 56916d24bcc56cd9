"""The dashboard: a Panel server on a listener, event loop and thread of its own.

Importing this package, ``appliance.ui.feed`` or ``appliance.ui.server`` loads neither Panel nor Bokeh: they take
seconds, and the API must not wait for them. ``Dashboard.start`` loads them in the dashboard's own thread.
"""
