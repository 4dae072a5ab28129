#pragma once

#include <filesystem>
#include <string_view>

namespace ringattn {

/// Replaces `path` with `bytes`: temporary file in the same folder, fsync, rename. Afterwards the file is the whole old
/// or the whole new one, whatever fails. Through a symbolic link, the linked file is replaced. RuntimeFailure with the
/// path and the system's reason. A path that is no regular file (a pipe, /dev/stdout) is written in place.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Fails when `path` could not be written to like that: RuntimeFailure. Leaves an existing file as it is.
void check_writable(const std::filesystem::path& path);

}  // namespace ringattn
