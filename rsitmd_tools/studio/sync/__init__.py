"""What goes to the server and comes back: projects, tasks, annotations."""
