"""What a task is, and the tasks themselves."""

from biogpt_plugins.tasks.registry import TASKS, get_task
from biogpt_plugins.tasks.task import Task

__all__ = ["TASKS", "Task", "get_task"]
