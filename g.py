def fine(ctx):
    pass

def broken(:
