"""What the engine itself costs: per task, per plan, per start; beside other engines."""
