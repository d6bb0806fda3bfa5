// SPDX-License-Identifier: Apache-2.0
#include "findings/redact.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace assay::findings {
namespace {

struct Row {
    std::string_view text;
    std::string_view told;
};

class Redact : public testing::TestWithParam<Row> {};

TEST_P(Redact, TakesWhatTheTableSays) { EXPECT_EQ(redacted(GetParam().text), GetParam().told); }

// The table that documents the redactor.
constexpr Row kTable[] = {
    // The value after an option.
    {"curl -u joe:s3cret http://h/", "curl -u ‹redacted› http://h/"},
    {"curl --user joe:s3cret http://h/", "curl --user ‹redacted› http://h/"},
    {"curl --user=joe:s3cret http://h/", "curl --user=‹redacted› http://h/"},
    {"curl -su joe:s3cret http://h/", "curl -su ‹redacted› http://h/"},
    {"curl -ujoe:s3cret http://h/", "curl -u‹redacted› http://h/"},
    {"curl -sujoe:s3cret http://h/", "curl -su‹redacted› http://h/"},
    {"curl -U joe:s3cret -x http://proxy/", "curl -U ‹redacted› -x http://proxy/"},
    {"curl --oauth2-bearer s3cret http://h/", "curl --oauth2-bearer ‹redacted› http://h/"},
    {"mysql -u root -ps3cret db", "mysql -u ‹redacted› -p‹redacted› db"},
    {"mysql -u root -ppassword db", "mysql -u ‹redacted› -p‹redacted› db"},
    {"mysql -uroot -passw0rd db", "mysql -u‹redacted› -p‹redacted› db"},
    {"mysql --password=s3cret -h db", "mysql --password=‹redacted› -h db"},
    {"mysql -p -h db", "mysql -p -h db"},
    {"sshpass -p s3cret ssh joe@h", "sshpass -p ‹redacted› ssh joe@h"},
    {"redis-cli -a s3cret GET k", "redis-cli -a ‹redacted› GET k"},
    {"redis-cli --pass s3cret", "redis-cli --pass ‹redacted›"},
    {"redis-cli -h h AUTH s3cret", "redis-cli -h h AUTH ‹redacted›"},
    {"redis-cli -h h auth joe s3cret", "redis-cli -h h auth ‹redacted›"},
    {"vault login --token s3cret", "vault login --token ‹redacted›"},
    {"vault login --token -s3cret", "vault login --token ‹redacted›"},
    {"app -p -storepass s3cret -v", "app -p ‹redacted› -v"},
    {"echo LOGIN joe --token s3cret -v", "echo LOGIN ‹redacted› -v"},
    {"keytool -storepass s3cret -list", "keytool -storepass ‹redacted› -list"},
    {"openssl rsa -passin pass:s3cret -in k", "openssl rsa -passin ‹redacted› -in k"},
    // A secret may hold blanks, which the joined arguments do not show.
    {"tool --password s3 cr et --quiet", "tool --password ‹redacted› --quiet"},
    {"curl -u joe:s3 cret http://h/", "curl -u ‹redacted› http://h/"},
    {"sh -c mysql -p 's3 cret' db", "sh -c mysql -p ‹redacted› db"},
    {"sh -c mysql -p 's3 cret", "sh -c mysql -p ‹redacted›"},
    // Options that mean a secret to one program.
    {"ldapsearch -x -D cn=joe -w s3cret", "ldapsearch -x -D cn=joe -w ‹redacted›"},
    {"ldapsearch -x -ws3cret", "ldapsearch -x -w‹redacted›"},
    {"grep -w word file", "grep -w word file"},
    {"/usr/bin/snmpget -v2c -c s3cret h oid", "/usr/bin/snmpget -v2c -c ‹redacted› h oid"},
    {"snmpget -v3 -u joe -A s3cret h", "snmpget -v3 -u ‹redacted› -A ‹redacted› h"},
    {"swaks -a LOGIN -au joe -ap s3cret", "swaks -a ‹redacted› -au ‹redacted› -ap ‹redacted›"},
    {"mosquitto_pub -u joe -P s3cret -t x", "mosquitto_pub -u ‹redacted› -P ‹redacted› -t x"},
    {"smbclient //h/s -U joe%s3cret", "smbclient //h/s -U ‹redacted›"},
    {"xfreerdp /v:h /p:s3cret", "xfreerdp /v:h /p:‹redacted›"},
    // user:password@
    {"wget ftp://joe:s3cret@h/f", "wget ftp://‹redacted›@h/f"},
    {"git clone https://s3cret@h/r", "git clone https://‹redacted›@h/r"},
    {"curl http://joe:s3c@ret@h/", "curl http://‹redacted›@h/"},
    {"curl http://joe:s3/cret@h/", "curl http://‹redacted›@h/"},
    {"redis-cli -u redis://:s3cret@h:6379", "redis-cli -u ‹redacted›"},
    {"curl joe:s3cret@h", "curl ‹redacted›@h"},
    {"env URL=postgres://joe:s3cret@h/db app", "env URL=postgres://‹redacted›@h/db app"},
    {"curl http://joe:s3cret@h/?token=s3cret", "curl http://‹redacted›@h/?token=‹redacted›"},
    {"curl http://h:8080/a@b", "curl http://h:8080/a@b"},
    {"ssh joe@h", "ssh joe@h"},
    // NAME=value: where a value with blanks ends cannot be told, so it goes on to an option, path
    // or URL
    {"sudo DB_PASSWORD=correct horse s3cret /opt/app -v",
     "sudo DB_PASSWORD=‹redacted› /opt/app -v"},
    {"env PASSWORD=s3cret app", "env PASSWORD=‹redacted›"},
    {"env PASSWORD=s3:cret@x app", "env PASSWORD=‹redacted›"},
    {"env PGPASSWORD=s3cret psql", "env PGPASSWORD=‹redacted›"},
    {"env GITHUB_TOKEN=s3cret app", "env GITHUB_TOKEN=‹redacted›"},
    {"env AWS_SECRET_ACCESS_KEY=s3/cre+t= aws", "env AWS_SECRET_ACCESS_KEY=‹redacted›"},
    {"curl -d login=joe&password=s3cret&x=1 h", "curl -d login=joe&password=‹redacted›&x=1 h"},
    {"curl -d {\"user\":\"joe\",\"password\":\"s3 cret\"} h",
     "curl -d {\"user\":\"joe\",\"password\":‹redacted›} h"},
    {"mount -o username=joe,password=s3cret,rw //h/s",
     "mount -o username=joe,password=‹redacted› //h/s"},
    {"PWD=/root OLDPWD=/ app", "PWD=/root OLDPWD=/ app"},
    // Headers, in clear and as base64.
    {"curl -H Authorization: Basic am9lOnMzY3JldA== http://h/",
     "curl -H Authorization: ‹redacted› http://h/"},
    {"curl -H authorization:Basic am9lOnMzY3JldA== http://h/",
     "curl -H authorization:‹redacted› http://h/"},
    {"curl -H Authorization: Bearer /s3cret -v", "curl -H Authorization: ‹redacted› -v"},
    {"curl -H \"Authorization: Basic am9l\" -H Host:x",
     "curl -H \"Authorization: ‹redacted› -H Host:x"},
    {"curl -H X-Auth-Token: s3cret -v", "curl -H X-Auth-Token: ‹redacted› -v"},
    {"curl -H Cookie: sid=s3cret -v", "curl -H Cookie: ‹redacted› -v"},
    // Commands of protocols.
    {"printf USER joe\\r\\nPASS s3cret\\r\\n", "printf USER joe\\r\\nPASS ‹redacted›"},
    {"echo a1 LOGIN joe s3cret", "echo a1 LOGIN ‹redacted›"},
    {"echo AUTH PLAIN AGpvZQBzM2NyZXQ=", "echo AUTH ‹redacted›"},
    // What holds no secret stays.
    {"", ""},
    {"/usr/bin/curl", "/usr/bin/curl"},
    {"find / -perm 777 -print", "find / -perm 777 -print"},
    {"gcc -pthread -pipe a.c", "gcc -pthread -pipe a.c"},
    {"ftp --passive h", "ftp --passive h"},
    {"tar --exclude=a:b -xf f", "tar --exclude=a:b -xf f"},
    {"nginx: worker process", "nginx: worker process"},
    {"a  b\tc", "a  b\tc"},
    {"curl -u", "curl -u"},
    {"curl --password=", "curl --password="},
    // The price: what only looks like a secret goes too.
    {"ssh -p 22 h", "ssh -p ‹redacted› h"},
    {"mkdir -p /a/b", "mkdir -p ‹redacted›"},
};
INSTANTIATE_TEST_SUITE_P(Table, Redact, testing::ValuesIn(kTable));

TEST(RedactEverything, ASecretAfterTwiceAsManyOptionsIsTakenEachTime) {
    std::string text = "app";
    for (int i = 0; i < 1000; ++i) {
        text += " --password s3cret --token=s3cret -u s3cret http://a:s3cret@h/ API_KEY=s3cret";
    }
    EXPECT_EQ(redacted(text).find("s3cret"), std::string::npos);
}

TEST(RedactEverything, AWordOfMorePartsThanAnyRealOneLosesItsRest) {
    std::string text = "x ";
    for (int i = 0; i < 1200; ++i) {
        text += "&token=s3cret@b:c";
    }
    const std::string told = redacted(text + " after");
    EXPECT_EQ(told.find("s3cret"), std::string::npos);
    EXPECT_LT(told.size(), 1024U);
    EXPECT_TRUE(told.ends_with("‹redacted› after"));
}

TEST(RedactEverything, HostileBytesAreSafe) {
    for (const std::string_view text :
         {std::string_view("-\0--=:@", 8), std::string_view("\xff\xfe -p \xff"),
          std::string_view("-u '"), std::string_view("-u \"\\"), std::string_view("=@:=@:"),
          std::string_view("://@"), std::string_view("--"), std::string_view("- -- ---"),
          std::string_view("Authorization:"), std::string_view("AUTH"), std::string_view("/p:")}) {
        EXPECT_LE(redacted(text).size(), text.size() * 16 + 16);
    }
}

}  // namespace
}  // namespace assay::findings
