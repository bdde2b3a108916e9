"""What a task is, which tasks there are, and the tasks themselves."""

from biogpt_plugins.tasks.registry import TASKS, get_task, load_task, register_task, tasks
from biogpt_plugins.tasks.task import Task

__all__ = ["TASKS", "Task", "get_task", "load_task", "register_task", "tasks"]
