#!/usr/bin/perl
# Reads a directory by the system call itself, in pieces of a given size: one line an entry, `offset ino type name`,
# the name in hex. With offsets, seeks to each of them and prints what comes next (`end` at the end).
use strict;
use warnings;

my ($directory, $size, @offsets) = @ARGV;
my %numbers = ('x86_64' => [217, 8], 'aarch64' => [61, 62]); # getdents64, lseek
chomp(my $machine = `uname -m`);
my ($getdents, $lseek) = @{ $numbers{$machine} or die "no system call numbers for $machine" };
my $SEEK_SET = 0;

sysopen(my $handle, $directory, 0x10000) or die "opening $directory: $!"; # O_DIRECTORY
my $fd = fileno($handle);

sub read_some {
    my $buffer = "\0" x $size;
    my $length = syscall($getdents, $fd, $buffer, $size);
    die "reading $directory in pieces of $size: $!" if $length < 0;
    my @entries;
    for (my $at = 0; $at < $length;) {
        my ($ino, $offset, $record, $type) = unpack('Q q S C', substr($buffer, $at));
        my $name = unpack('Z*', substr($buffer, $at + 19, $record - 19));
        push @entries, [$offset, $ino, $type, unpack('H*', $name)];
        $at += $record;
    }
    return @entries;
}

if (@offsets) {
    for my $offset (@offsets) {
        syscall($lseek, $fd, $offset + 0, $SEEK_SET) >= 0 or die "seeking to $offset: $!";
        my ($next) = read_some();
        print $next ? "@$next" : 'end', "\n";
    }
} else {
    while (my @entries = read_some()) {
        print "@$_\n" for @entries;
    }
}
