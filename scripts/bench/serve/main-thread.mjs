// What the main thread of a page did, from a trace of Chromium.
// (Trace Event Format, complete events)

/** Categories that the functions here read. */
export const CATEGORIES = ['devtools.timeline', 'disabled-by-default-devtools.timeline'];

const SCRIPT = new Set([
  'EvaluateScript',
  'FunctionCall',
  'RunMicrotasks',
  'TimerFire',
  'FireAnimationFrame',
  'EventDispatch',
]);
const COLLECTION = /^(?:MinorGC|MajorGC|V8\.GC_\w+)$/;
const TASK = 'RunTask';

/**
 * Returns the tasks of the page's main thread in which scripts ran.
 * @param events of a trace
 * @returns `{cpu, script, collection, wall}` of each task, in milliseconds: processor time of the
 *   whole task, of its scripts with their garbage collection, and of the collection; and the time
 *   that passed, which is longer on a busy machine
 */
export function mainThreadTasks(events) {
  const thread = mainThread(events);
  const own = events.filter(({ ph, pid, tid }) => ph === 'X' && `${pid} ${tid}` === thread);
  own.sort((a, b) => a.ts - b.ts || b.dur - a.dur);
  const tasks = [];
  let task;
  let scriptEnd = 0; // of the outermost script; those inside it count with it
  let collectionEnd = 0;
  for (const { name, ts, dur = 0, tdur = 0 } of own) {
    if (name === TASK && (task === undefined || ts >= task.end)) {
      task = { end: ts + dur, cpu: tdur / 1000, wall: dur / 1000, script: 0, collection: 0 };
      tasks.push(task);
    }
    if (task === undefined || ts >= task.end) continue;
    if (SCRIPT.has(name) && ts >= scriptEnd) {
      task.script += tdur / 1000;
      scriptEnd = ts + dur;
    }
    if (COLLECTION.test(name) && ts >= collectionEnd) {
      task.collection += tdur / 1000;
      collectionEnd = ts + dur;
    }
  }
  return tasks.filter(({ script }) => script > 0);
}

/** The main thread that ran the most scripts: the page's, not that of another frame or process. */
function mainThread(events) {
  const names = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const threads = new Set(names.map(({ pid, tid }) => `${pid} ${tid}`));
  const calls = new Map();
  for (const { name, pid, tid } of events) {
    const thread = `${pid} ${tid}`;
    if (SCRIPT.has(name) && threads.has(thread)) calls.set(thread, (calls.get(thread) ?? 0) + 1);
  }
  return [...calls].sort(([, a], [, b]) => b - a)[0]?.[0];
}
