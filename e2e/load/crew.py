"""Two agents and two tasks in CrewAI, on a model that answers at once: prints the CPU time of a run in
milliseconds, for each of some rounds."""

import json
import os
import sys
import time

os.environ.update(
    CREWAI_DISABLE_TELEMETRY="true",
    OTEL_SDK_DISABLED="true",
    CREWAI_TRACING_ENABLED="false",
    CREWAI_DISABLE_VERSION_CHECK="true",
    CREWAI_TESTING="true",
)

from crewai import Agent, BaseLLM, Crew, Process, Task  # noqa: E402


class Instant(BaseLLM):
    """Says the same thing, without any delay."""

    def call(self, messages, *arguments, **options):
        return "Thought: I now can give a great answer\nFinal Answer: Tea."

    def supports_function_calling(self):
        return False


def run():
    model = Instant(model="instant")
    reader = Agent(role="a reader", goal="read", backstory="It reads.", llm=model)
    writer = Agent(role="a writer", goal="write", backstory="It writes.", llm=model)
    read = Task(description="Read about tea.", expected_output="Notes.", agent=reader)
    write = Task(description="Write it up.", expected_output="A text.", agent=writer, context=[read])
    crew = Crew(agents=[reader, writer], tasks=[read, write], process=Process.sequential, verbose=False)
    assert "Tea." in str(crew.kickoff())


def main():
    rounds, runs = int(sys.argv[1]), int(sys.argv[2])
    run()
    print(json.dumps([measured(runs) for _ in range(rounds)]))


def measured(runs):
    begun = time.process_time()
    for _ in range(runs):
        run()
    return (time.process_time() - begun) * 1000 / runs


if __name__ == "__main__":
    main()
