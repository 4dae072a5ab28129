#include "cli/python_program.h"

#include "config/error.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sys/wait.h>
#include <unistd.h>

namespace ringattn {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// Without a name: no pipe can fill up, and nothing is left behind.
File temporary(const std::string& text) {
  File file(std::tmpfile());
  if (!file || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() || std::fflush(file.get()) != 0) {
    throw RuntimeFailure(std::string("no temporary file: ") + std::strerror(errno));
  }
  std::rewind(file.get());
  return file;
}

std::string read_all(std::FILE* file) {
  std::rewind(file);
  std::string text;
  char buffer[1 << 16];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof(buffer), file)) > 0;) text.append(buffer, n);
  return text;
}

struct Ended {
  int status = 0;  ///< exit code, 127 where the program was not found, 128 + signal
  std::string out, err;
};

Ended start(const std::string& program, const std::string& script, const std::string& input) {
  const File in = temporary(input), out = temporary(""), err = temporary("");
  const char* words[] = {program.c_str(), "-I", "-W", "ignore", "-c", script.c_str(), nullptr};
  const pid_t child = fork();
  if (child < 0) throw RuntimeFailure(std::string("fork: ") + std::strerror(errno));
  if (child == 0) {
    dup2(fileno(in.get()), 0);
    dup2(fileno(out.get()), 1);
    dup2(fileno(err.get()), 2);
    execvp(words[0], const_cast<char* const*>(words));
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, read_all(out.get()), read_all(err.get())};
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "it said nothing";
  const std::size_t begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

}  // namespace

std::string find_python(const std::string& named) {
  std::string python = named.empty() ? "python3" : named;
  const std::string where = named.empty() ? "python3 of PATH" : named;
  const std::string want =
      "; Python 3.8 or newer reads the sources: install it (Debian: apt-get install python3), or name "
      "one with RINGATTN_PYTHON";
  const Ended ended =
      start(python, "import sys; print('%d.%d' % sys.version_info[:2], sys.version_info >= (3, 8))", "");
  if (ended.status != 0) throw Unavailable("migrate: " + where + " does not run" + want);
  if (ended.out.find("True") == std::string::npos) {
    throw Unavailable("migrate: " + where + " is " + ended.out.substr(0, ended.out.find(' ')) + want);
  }
  return python;
}

std::string run_python(const std::string& python, std::string_view script, const std::string& input) {
  Ended ended = start(python, std::string(script), input);
  if (ended.status == 0) return std::move(ended.out);
  throw RuntimeFailure("migrate: " + python + " ended with " + std::to_string(ended.status) + ": " +
                       last_line(ended.err));
}

}  // namespace ringattn
