"""Servers for tests, on free ports of the loopback, that end with the test: when it ends them, when the tests are
interrupted or told to end, and when nothing of them is left that could (SIGKILL)."""
import atexit, os, signal, socket, subprocess


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(command, stop, **how):
    """The server's process, in a group of its own. `stop` is called at the end of the tests if end() was not before."""
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what is to be done at the end is done
    atexit.register(stop)
    # the kernel's word to the server if this program dies without one of its own
    return subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], start_new_session=True, **how)


def end(process, stop, sig=signal.SIGTERM, seconds=60):
    """Ends it, its workers too if it does not end by itself."""
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    atexit.unregister(stop)
