"""Who runs where: problems, schedules, and the planners that turn one into the other."""
