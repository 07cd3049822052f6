"""The driver that joins the core and the edges, and what starts it: a dropped blob, a message, the sweep."""
