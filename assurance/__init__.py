"""What assures: scenarios in a simulation, load, fuzzing, mutation, faults in real processes, and their evidence."""
