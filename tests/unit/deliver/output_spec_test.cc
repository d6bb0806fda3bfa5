// SPDX-License-Identifier: Apache-2.0
#include "deliver/output_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay::deliver {
namespace {

TEST(OutputSpec, StdoutAndFilesAreUnderstoodWithAndWithoutAFormat) {
    EXPECT_EQ(OutputSpec::parse("stdout:")->kind, OutputSpec::Kind::standard_output);
    EXPECT_EQ(OutputSpec::parse("stdout:?format=jsonl")->kind, OutputSpec::Kind::standard_output);
    EXPECT_EQ(OutputSpec::parse("file:findings.jsonl")->path, "findings.jsonl");
    const auto spec = OutputSpec::parse("file:/var/log/a:b.jsonl?format=jsonl");
    EXPECT_EQ(spec->kind, OutputSpec::Kind::file);
    EXPECT_EQ(spec->path, "/var/log/a:b.jsonl");
}

TEST(OutputSpec, WhatIsNotSupportedSaysSoAndWhatIs) {
    for (const std::string url : {"journald:", "syslog://h", "syslog+tls://h", "unix:/run/s",
                                  "https://h/", "http://h/", "kafka://b/t"}) {
        const auto spec = OutputSpec::parse(url);
        ASSERT_FALSE(spec) << url;
        EXPECT_THAT(spec.error().message,
                    testing::EndsWith("is not supported by this build (supported are stdout: and "
                                      "file:PATH)"));
    }
    EXPECT_EQ(OutputSpec::parse("file:x?format=cef").error().message,
              "output 'file:x?format=cef': format 'cef' is not supported by this build (supported "
              "is jsonl)");
}

TEST(OutputSpec, NonsenseIsRefused) {
    for (const std::string url :
         {"", "findings.jsonl", "ftp://h", "file:", "file:?format=jsonl", "stdout:x",
          "stdout:?format=", "file:x?fromat=jsonl", "file:x?"}) {
        EXPECT_FALSE(OutputSpec::parse(url)) << url;
    }
    EXPECT_FALSE(OutputSpec::parse(std::string_view("file:a\0b", 8)));
}

}  // namespace
}  // namespace assay::deliver
