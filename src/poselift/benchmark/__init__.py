"""How fast models run and train, beside the definition path as the reference.

Nothing is imported here: a process that measures the memory of a runtime must not hold torch.
"""
