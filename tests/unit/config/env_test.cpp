#include "config/env.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

TEST_CASE("fields and axes come from RINGATTN_SET_ and RINGATTN_AXIS_, in any letter case") {
  const Env env =
      Env::from({"RINGATTN_SET_DROPOUT=0.5", "RINGATTN_SET_pattern=dense", "RINGATTN_AXIS_SEQ_LEN=[1,2]", "HOME=/x"});
  CHECK(env.fields == std::map<std::string, std::string>{{"dropout", "0.5"}, {"pattern", "dense"}});
  CHECK(env.axes == std::map<std::string, std::string>{{"seq_len", "[1,2]"}});
}

TEST_CASE("NO_COLOR counts when it is not empty, CLICOLOR_FORCE when it is not 0 either") {
  CHECK(!Env::from({}).no_color);
  CHECK(!Env::from({"NO_COLOR="}).no_color);
  CHECK(Env::from({"NO_COLOR=0"}).no_color);
  CHECK(!Env::from({"CLICOLOR_FORCE=0"}).force_color);
  CHECK(Env::from({"CLICOLOR_FORCE=1"}).force_color);
  CHECK(Env::from({"TERM=dumb"}).term == "dumb");
}

TEST_CASE("OMP_NUM_THREADS is a positive number or nothing") {
  CHECK(Env::from({"OMP_NUM_THREADS=2"}).omp_num_threads == 2);
  for (const char* text : {"OMP_NUM_THREADS=", "OMP_NUM_THREADS=0", "OMP_NUM_THREADS=2,2", "OMP_NUM_THREADS=many"}) {
    CHECK(Env::from({text}).omp_num_threads == std::nullopt);
  }
}

TEST_CASE("variables of launchers are kept as they are, others are not") {
  const Env env =
      Env::from({"RANK=1", "SLURM_STEP_ID=0", "OMPI_COMM_WORLD_SIZE=2", "RANKS=3", "MASTER_ADDR=", "HOME=x"});
  CHECK(env.launcher == std::map<std::string, std::string>{
                            {"RANK", "1"}, {"SLURM_STEP_ID", "0"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"MASTER_ADDR", ""}});
}

TEST_CASE("a value may hold equals signs, and a variable without one is left alone") {
  CHECK(Env::from({"RINGATTN_PRESETS=a=b"}).preset_folder == "a=b");
  CHECK(Env::from({"RINGATTN_PRESETS"}).preset_folder.empty());
}

}  // namespace
}  // namespace ringattn
