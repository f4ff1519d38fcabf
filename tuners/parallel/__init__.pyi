from .pool import search_in_processes as search_in_processes
from .worker import serve_trials as serve_trials
from .worker_pipe import use_cores as use_cores
