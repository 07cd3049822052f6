"""Deliveries in a world in memory: composed, collected and sent, judged by what lies in Sent Items."""
