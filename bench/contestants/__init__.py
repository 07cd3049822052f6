"""What is measured side by side: each module sends one file of one job, in a process of its own."""
